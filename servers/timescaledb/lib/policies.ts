// The background jobs of hypertables: when they run, what they do, and why the last run failed.
import { quoteName } from '../../kit/sql/identifiers.ts'
import { clip } from '../../kit/text.ts'
import type { Features, Policy, TimescaleBackend } from '../types.ts'

const jobsQuery = (features: Features): string => `
  SELECT j.hypertable_schema, j.hypertable_name, j.job_id, j.proc_name, j.schedule_interval::text, j.config::text,
    coalesce(s.next_start, j.next_start)::timestamptz(0)::text, s.last_run_status, s.last_run_started_at::timestamptz(0)::text,
    ${
      features.hasColumn('job_errors', 'err_message')
        ? `CASE WHEN s.last_run_status = 'Failed' THEN
            (SELECT e.err_message FROM timescaledb_information.job_errors e WHERE e.job_id = j.job_id ORDER BY e.finish_time DESC LIMIT 1) END`
        : 'NULL'
    }
  FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id
  WHERE j.hypertable_name IS NOT NULL AND j.proc_name LIKE 'policy\\_%' ORDER BY j.job_id`

const names: Readonly<Record<string, string>> = {
  policy_compression: 'compression',
  policy_retention: 'retention',
  policy_refresh_continuous_aggregate: 'refresh',
  policy_reorder: 'reorder',
}

/** The policies of all hypertables, by `schema.name`. */
export async function readPolicies(backend: TimescaleBackend, signal: AbortSignal): Promise<Map<string, Policy[]>> {
  const found = new Map<string, Policy[]>()
  const rows = await backend.catalogue(jobsQuery(await backend.features(signal)), [], signal)
  for (const [schema, name, job, proc, every, config, nextStart, status, lastStart, lastError] of rows) {
    const key = `${quoteName(schema ?? '')}.${quoteName(name ?? '')}`
    const policy: Policy = {
      job_id: Number(job),
      policy: names[proc ?? ''] ?? proc ?? '',
      every: every ?? null,
      config: parseConfig(config ?? null),
      next_start: nextStart === '-infinity' ? null : (nextStart ?? null),
      last_status: status ?? null,
      last_start: lastStart ?? null,
      last_error: lastError ?? null,
    }
    found.set(key, [...(found.get(key) ?? []), policy])
  }
  return found
}

/** `retention after 30 days (job 1001, next 2026-11-28 …, last run Success)` */
export function describePolicy({ job_id, policy, config, next_start, last_status, last_error }: Policy): string {
  const after = config.compress_after ?? config.drop_after ?? config.compress_created_before
  const last =
    last_status === null ? 'never ran' : `last run ${last_status}${last_error === null ? '' : `: ${clip(last_error, 300)}`}`
  return `${policy}${after === undefined ? '' : ` after ${String(after)}`} (job ${job_id}, ${next_start === null ? 'not scheduled yet' : `next ${next_start}`}, ${last})`
}

function parseConfig(text: string | null): Record<string, unknown> {
  try {
    return text === null ? {} : (JSON.parse(text) as Record<string, unknown>)
  } catch {
    return {} // the configuration of a job that is not one of TimescaleDB's policies
  }
}
