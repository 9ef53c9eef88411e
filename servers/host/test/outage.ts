// For the tests of the page at `/`, and its screenshots: all servers, before a real PostgreSQL that refuses the password.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withChild } from '../../../test/helpers/child.ts'
import { embedded, startCluster, withSql } from '../../kit/sql/test/running.ts'

export const token = 'token-of-the-gateway'
export const role = 'mcp_reader'
const password = 'the-old-one'

export interface Outage {
  readonly url: string
  /** Gives the role the password that the server presents. */
  end(): Promise<void>
}

/** @param env further variables of the process */
export async function withOutage(env: Record<string, string>, use: (outage: Outage) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-outage-'))
  chmodSync(folder, 0o755) // PostgreSQL runs as another user when this process is root
  const rules = join(folder, 'pg_hba.conf')
  writeFileSync(rules, 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n', { mode: 0o644 })
  const cluster = await startCluster(embedded, [`hba_file=${rules}`])
  const asSuperuser = (sql: string) => withSql(cluster, (client) => client.query(sql))
  try {
    await asSuperuser(`CREATE ROLE ${role} LOGIN PASSWORD 'the-new-one'`)
    await asSuperuser('CREATE DATABASE shop')
    const target = { PGHOST: cluster.host, PGPORT: String(cluster.port), PGUSER: role, PGPASSWORD: password, PGDATABASE: 'shop' }
    const process = { MCP_AUTH_TOKENS: `litellm:${token}`, AUDIT_FILE: '/dev/null', ...target, ...env }
    await withChild('servers/cli/octet.ts', ['start'], process, ({ url }) =>
      use({ url, end: () => asSuperuser(`ALTER ROLE ${role} PASSWORD '${password}'`).then(() => {}) }),
    )
  } finally {
    await cluster.remove()
    rmSync(folder, { recursive: true })
  }
}
