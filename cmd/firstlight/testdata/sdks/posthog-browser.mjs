// What a page does with PostHog's SDK, which tells of the page itself.
posthog.set_config({ rate_limiting: { events_per_second: 2000, events_burst_limit: 2000 } }) // otherwise it drops beyond 10 a second
await new Promise((visited) => posthog.on('eventCaptured', visited))
posthog.identify('USER', { email: 'ada@acme.example' })
posthog.group('company', 'acme', { seats: 5 })
posthog.capture('$pageview')
posthog.capture('signed_up', { plan: 'team' })
posthog.capture('report_shared')
for (let row = 0; row < ROWS; row++) posthog.capture('export_run', { row })
posthog.alias('visitor')
