// What a page does with the SDKs of Segment and RudderStack.
await analytics.page('Pricing')
await analytics.identify('USER', { email: 'ada@acme.example' })
await analytics.group('acme')
await analytics.page('Account')
await analytics.track('signed_up', { plan: 'team' })
await analytics.track('report_shared')
for (let row = 0; row < ROWS; row++) await analytics.track('export_run', { row })
await analytics.alias('USER', 'visitor')
