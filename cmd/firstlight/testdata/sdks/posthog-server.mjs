// What a server does with PostHog's SDK.
const alive = setInterval(() => {}, 1000) // as servers are; the SDK's own timers keep no program running
const distinctId = 'USER'
posthog.identify({ distinctId, properties: { email: 'ada@acme.example' } })
posthog.groupIdentify({ groupType: 'company', groupKey: 'acme', distinctId })
posthog.alias({ distinctId, alias: 'visitor' })
posthog.capture({ distinctId, event: '$pageview', properties: { $current_url: 'https://acme.example/pricing' } })
posthog.capture({ distinctId, event: 'signed_up', properties: { plan: 'team' } })
posthog.capture({ distinctId, event: 'report_shared' })
for (let row = 0; row < ROWS; row++) posthog.capture({ distinctId, event: 'export_run', properties: { row } })
await posthog.shutdown(300_000)
clearInterval(alive)
