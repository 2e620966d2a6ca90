// What a page does without an SDK.
const event = (name, properties) => ({ event: name, userId: 'USER', messageId: crypto.randomUUID(), timestamp: new Date(), sentAt: new Date(), properties })

// stored posts until the events are stored.
async function stored(events) {
  for (;;) {
    const answer = await post(events)
    if (answer.ok) return
    await new Promise((done) => setTimeout(done, 1000 * answer.headers.get('retry-after')))
  }
}

await stored([event('page'), event('signed_up', { plan: 'team' }), event('report_shared')])
await stored(Array.from({ length: ROWS }, (_, row) => event('export_run', { row })))
addEventListener('pagehide', () => leave([event('page_left')]))
