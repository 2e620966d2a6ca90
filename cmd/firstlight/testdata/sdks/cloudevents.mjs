// What a service does with the SDK of CloudEvents, in each of its modes.
import { CONSTANTS } from 'cloudevents'

// stored posts until the events are stored: the SDK leaves that to its users.
async function stored(post) {
  for (;;) {
    const answer = await post()
    if (answer.ok) return
    if (answer.status !== 503) throw new Error(`${answer.status} ${await answer.text()}`)
    await new Promise((done) => setTimeout(done, 1000 * answer.headers.get('retry-after')))
  }
}

const event = (type, data) => new CloudEvent({ source: '/orders', type, subject: 'USER', data })
const binary = emitterFor(post, { binding: HTTP, mode: Mode.BINARY })
const page = event('page', { name: 'Pricing' }), signedUp = event('signed_up', { plan: 'team' }), shared = event('report_shared', {})
await stored(() => send(page))
await stored(() => send(signedUp))
await stored(() => binary(shared))
const batch = Array.from({ length: ROWS }, (_, row) => event('export_run', { row }))
await stored(() => post({ headers: { [CONSTANTS.HEADER_CONTENT_TYPE]: CONSTANTS.MIME_CE_BATCH }, body: JSON.stringify(batch) }))
