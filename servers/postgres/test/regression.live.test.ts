// PostgreSQL's own regression tests, statement by statement, through postgres_query as the reader role: nothing may have changed afterwards.
// OCTET_TEST_REGRESSION_SQL is a folder with their .sql files in `sql/` (scripts/ci/postgres-regression.sh downloads them).
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { show, test } from '../../../test/runner/harness.ts'
import { isMark, lex } from '../../kit/sql/lexer.ts'
import { embedded, withClient, withSql } from '../../kit/sql/test/running.ts'
import { openShop, snapshotSql } from '../../kit/sql/test/shop.ts'

const folder = process.env.OCTET_TEST_REGRESSION_SQL
const atOnce = 5

/** Roles with their attributes and memberships, settings, files of the data folder, relations of shop with their grants. */
const serverSql = `SELECT md5(concat_ws('|', (SELECT string_agg(r::text, ',' ORDER BY oid) FROM pg_authid r),
  (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM pg_auth_members m), (SELECT string_agg(s::text, ',' ORDER BY s::text) FROM pg_db_role_setting s),
  (SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings WHERE context <> 'internal' AND name <> 'application_name'),
  (SELECT string_agg(f, ',' ORDER BY f) FROM pg_ls_dir('.') f), (SELECT string_agg(f, ',' ORDER BY f) FROM pg_ls_dir('base') f),
  (SELECT string_agg(c::text, ',' ORDER BY oid) FROM (SELECT oid, relname, relacl, relowner FROM pg_class) c)))`

function statements(text: string): string[] {
  // What follows COPY … FROM stdin is data, and lines that start with a backslash are commands of psql.
  const sql = text.replace(/^(copy .*from stdin.*;)\n[\s\S]*?^\\\.$/gim, '$1').replace(/^\\.*$/gm, '')
  const found: string[] = []
  let start = 0
  // The lexer reads nothing behind a name in U&"…".
  for (const token of lex(sql.replace(/\bU&"/gi, '  "')).tokens) {
    if (!isMark(token, ';')) continue
    found.push(sql.slice(start, token.at).trim().slice(0, 100_000))
    start = token.end
  }
  return found.filter((each) => each !== '')
}

const name = "PostgreSQL's regression tests as the reader role change nothing"
if (folder === undefined) test.skip(name, "PostgreSQL's regression SQL is not there (OCTET_TEST_REGRESSION_SQL)")
else {
  test(
    name,
    async () => {
      const { cluster, reader } = await openShop(embedded)
      const state = (): Promise<string> =>
        withSql(
          cluster,
          async (client) => {
            const texts = [serverSql, snapshotSql]
            const results = await Promise.all(texts.map((text) => client.query({ text, rowMode: 'array' })))
            return results.map(({ rows: [row] }) => String(row?.[0])).join()
          },
          { database: 'shop' },
        )
      const files = readdirSync(join(folder, 'sql')).filter((file) => file.endsWith('.sql'))
      const all = files.flatMap((file) => statements(readFileSync(join(folder, 'sql', file), 'utf8')))
      const tally = new Map<string, number>()
      const wrong: string[] = []
      let next = 0
      // Another session, which must live on.
      await withSql(cluster, async (witness) => {
        const before = await state()
        const work = (): Promise<void> =>
          withClient(reader.url, async ({ call }) => {
            for (let query = all[next++]; query !== undefined; query = all[next++]) {
              const { text } = await call('postgres_query', { query, timeout_ms: 2_000, max_rows: 20 })
              const kind = /^ERROR (\w+)/.exec(text)?.[1] ?? 'answered'
              tally.set(kind, (tally.get(kind) ?? 0) + 1)
              if (kind === 'INTERNAL' || kind === 'UPSTREAM_UNREACHABLE')
                wrong.push(`${query.slice(0, 200)} → ${text.slice(0, 200)}`)
            }
          })
        await Promise.all(Array.from({ length: atOnce }, work))
        await witness.query('SELECT 1')
        assert.equal(await state(), before)
      })
      show(`${files.length} files, ${all.length} statements: ${JSON.stringify(Object.fromEntries(tally))}`)
      assert.deepEqual(wrong.slice(0, 10), [])
      assert.ok(all.length > 10_000 && (tally.get('answered') ?? 0) > 1_000)
      await cluster.remove()
    },
    { timeoutMs: 900_000 },
  )
}
