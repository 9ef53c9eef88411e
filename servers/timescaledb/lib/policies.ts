// The background jobs of hypertables: when they run, what they do, and why the last run failed.
import { clip } from '../../kit/text.ts'
import type { Policy } from '../types.ts'

/** A LEFT JOIN of `p`, whose column `policies` is an array of `Policy`, to the hypertable `h`. */
export const withPolicies = `
  LEFT JOIN (SELECT j.hypertable_schema, j.hypertable_name, json_agg(json_build_object('job_id', j.job_id,
      'policy', regexp_replace(j.proc_name, '^policy_|_continuous_aggregate$', '', 'g'), 'every', j.schedule_interval::text, 'config', j.config,
      'next_start', nullif(coalesce(s.next_start, j.next_start), '-infinity')::timestamptz(0)::text,
      'last_status', s.last_run_status, 'last_start', s.last_run_started_at::timestamptz(0)::text,
      'last_error', CASE WHEN s.last_run_status = 'Failed' THEN
        (SELECT e.err_message FROM timescaledb_information.job_errors e WHERE e.job_id = j.job_id ORDER BY e.finish_time DESC LIMIT 1) END)
      ORDER BY j.job_id) AS policies
    FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id
    WHERE j.proc_name LIKE 'policy\\_%' GROUP BY 1, 2) p ON p.hypertable_schema = h.hypertable_schema AND p.hypertable_name = h.hypertable_name`

/** `retention after 30 days (job 1001, next 2026-11-28 …, last run Success)` */
export function describePolicy({ job_id, policy, config, next_start, last_status, last_error }: Policy): string {
  const after = config?.compress_after ?? config?.drop_after ?? config?.compress_created_before
  const last =
    last_status === null ? 'never ran' : `last run ${last_status}${last_error === null ? '' : `: ${clip(last_error, 300)}`}`
  return `${policy}${after === undefined ? '' : ` after ${String(after)}`} (job ${job_id}, ${next_start === null ? 'not scheduled yet' : `next ${next_start}`}, ${last})`
}
