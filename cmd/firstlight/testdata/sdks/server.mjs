// What a server does with the SDKs of Segment and RudderStack.
const userId = 'USER'
analytics.identify({ userId, traits: { email: 'ada@acme.example' } })
analytics.group({ userId, groupId: 'acme' })
analytics.alias({ userId, previousId: 'visitor' })
analytics.page({ userId, name: 'Pricing' })
analytics.track({ userId, event: 'signed_up', properties: { plan: 'team' } })
analytics.track({ userId, event: 'report_shared' })
for (let row = 0; row < ROWS; row++) analytics.track({ userId, event: 'export_run', properties: { row } })
