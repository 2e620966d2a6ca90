// Reads every view named on the command line with ClickHouse's own client, at once and as a stream, and writes one
// line of JSON per view: its name, its columns, how many rows there were either way, and its first row.
import { createClient } from '@clickhouse/client'

const [url, ...views] = process.argv.slice(2)
const client = createClient({ url, database: 'firstlight', clickhouse_settings: { readonly: '1' } })
for (const view of views) {
  const query = `SELECT * FROM ${view}`
  const rows = await (await client.query({ query, format: 'JSONEachRow' })).json()
  let streamed = 0
  const answer = await client.query({ query, format: 'JSONEachRow' })
  for await (const chunk of answer.stream()) {
    for (const row of chunk) {
      row.json()
      streamed++
    }
  }
  console.log(JSON.stringify({ view, columns: Object.keys(rows[0] ?? {}), rows: rows.length, streamed, first: rows[0] ?? null }))
}
await client.close()
