// When a trigger runs: schedules and polling intervals in words.
import { type JsonObject, object, objects, text } from './json.ts'

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Such as `cron 0 8 * * 1-5` or `every 15 minutes`; none for a trigger that waits for events. */
export function schedulesOf(node: JsonObject): string[] {
  const parameters = object(node.parameters)
  const { rule, triggerTimes, pollTimes } = parameters
  const times = [...objects(object(triggerTimes).item), ...objects(object(pollTimes).item)]
  if (node.type === 'n8n-nodes-base.interval')
    return [every(text(parameters.interval) || '1', text(parameters.unit) || 'seconds')]
  return [...objects(object(rule).interval).map(ofRule), ...times.map(ofTime)]
}

/** An interval of the Schedule Trigger. Members that have their default are missing. */
function ofRule(rule: JsonObject): string {
  const field = text(rule.field) || 'days'
  if (field === 'cronExpression') return `cron ${text(rule.expression)}`
  const count = text(rule[`${field}Interval`]) || (field === 'seconds' ? '30' : field === 'minutes' ? '5' : '1')
  const minute = text(rule.triggerAtMinute) || '0'
  if (field === 'seconds' || field === 'minutes') return every(count, field)
  if (field === 'hours') return `${every(count, field)} at minute ${minute}`
  const days = Array.isArray(rule.triggerAtDay) ? rule.triggerAtDay : [0]
  const on =
    field === 'weeks'
      ? ` on ${days.map((day) => weekdays[Number(day)] ?? day).join(', ')}`
      : field === 'months'
        ? ` on day ${text(rule.triggerAtDayOfMonth) || '1'}`
        : ''
  return `${every(count, field)}${on} at ${clock(text(rule.triggerAtHour) || '0', minute)}`
}

/** A time of the old Cron node, or of a trigger that polls, with its own defaults. */
function ofTime(time: JsonObject): string {
  if (time.mode === 'everyX') return every(text(time.value) || '2', text(time.unit) || 'hours')
  // As the Schedule Trigger's fields: `everyHour` is `hours`.
  const unit = /^every(Minute|Hour|Week|Month)$/.exec(text(time.mode))?.[1] ?? 'day'
  return ofRule({
    field: time.mode === 'custom' ? 'cronExpression' : `${unit.toLowerCase()}s`,
    minutesInterval: 1,
    triggerAtDay: [Number(text(time.weekday) || '1') % 7],
    triggerAtDayOfMonth: time.dayOfMonth,
    triggerAtHour: text(time.hour) || '14',
    triggerAtMinute: time.minute,
    expression: time.cronExpression,
  })
}

function every(count: string, unit: string): string {
  return count === '1' ? `every ${unit.replace(/s$/, '')}` : `every ${count} ${unit}`
}

/** `7`, `5` → `07:05`; an expression stays as it is. */
function clock(hour: string, minute: string): string {
  return `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`
}
