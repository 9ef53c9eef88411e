// The same tests on PostgreSQL 15, and what needs its psql.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from '../../../test/runner/harness.ts'
import { withSql } from '../../kit/sql/test/running.ts'
import { openShop } from '../../kit/sql/test/shop.ts'
import { testAttacks } from './attacks.ts'
import { testFailures } from './failures.ts'
import { testQueries } from './queries.ts'
import { testRoles } from './roles.ts'

const bin = process.env.OCTET_TEST_POSTGRES_BIN
if (bin === undefined || bin === '')
  test.skip('PostgreSQL 15: all of it', 'PostgreSQL 15 is not installed (OCTET_TEST_POSTGRES_BIN)')
else {
  const edition = { label: 'PostgreSQL 15', bin }
  const shop = await openShop(edition, { PG_MAX_CONNECTIONS: '1' })
  testAttacks(shop)
  testQueries(shop)
  testRoles(edition)
  testFailures(edition)

  // The npm packages of PostgreSQL have the server only; what the file means is tested on every edition all the same.
  const testPsql = existsSync(join(bin, 'psql')) ? test : () => {}
  testPsql('readonly-role.sql runs in psql: the role, then grants in a second database and schema', async () => {
    const { cluster } = shop
    const psql = (...args: string[]): void => {
      const target = ['-h', cluster.host, '-p', String(cluster.port), '-U', 'postgres', '-X', '-q', '-v', 'ON_ERROR_STOP=1']
      execFileSync(join(bin, 'psql'), [...target, ...args], { stdio: 'pipe' })
    }
    const file = fileURLToPath(new URL('../sql/readonly-role.sql', import.meta.url))
    await withSql(cluster, (client) => client.query('DROP DATABASE IF EXISTS odd WITH (FORCE)'))
    await withSql(cluster, (client) => client.query('DROP OWNED BY mcp_reader'), { database: 'shop' })
    await withSql(cluster, (client) => client.query('DROP ROLE mcp_reader'))
    await withSql(
      cluster,
      (client) => client.query('CREATE TABLE bills (id int); CREATE SCHEMA old; CREATE TABLE old.bills (id int)'),
      {
        database: 'Crm data',
      },
    )
    psql('-d', 'shop', '-v', "pw=it's a secret", '-v', 'owner=postgres', '-f', file)
    psql('-d', 'Crm data', '-v', 'owner=postgres', '-f', file)
    psql('-d', 'Crm data', '-v', 'owner=postgres', '-v', 'schema=old', '-f', file)
    const read = (database: string, text: string) =>
      withSql(cluster, (client) => client.query(text), { database, user: 'mcp_reader' })
    await read('shop', 'SELECT * FROM orders')
    await read('Crm data', 'SELECT * FROM bills, old.bills b')
    await assert.rejects(read('shop', 'BEGIN READ WRITE; INSERT INTO customers DEFAULT VALUES'), /permission denied/)
    await assert.rejects(read('shop', 'SELECT * FROM sales.regions'), /permission denied for schema sales/)
  })
}
