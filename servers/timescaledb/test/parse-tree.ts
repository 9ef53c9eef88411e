// The write level of a statement by its parse tree, as PostgreSQL's own parser builds it (libpg-query): the oracle of the fuzzer. It shares
// no code with lib/statement-class.ts.

/** A node of the parse tree: `{ SelectStmt: {…} }`, its fields, lists of them, or values. */
// biome-ignore lint/suspicious/noExplicitAny: the tree has some 300 node types
type Node = any

/** From what `dml` admits to what no level does. */
export const ranks = ['dml', 'ddl', 'destructive', 'refused'] as const
export type Rank = (typeof ranks)[number]

/** Volatile functions by name; the value is what calling one needs. */
export const volatileFunctions: Readonly<Record<string, Rank>> = {
  ...{ random: 'dml', nextval: 'dml', gen_random_uuid: 'dml', clock_timestamp: 'dml', hypertable_size: 'dml' },
  ...{ create_hypertable: 'ddl', compress_chunk: 'ddl', recompute: 'ddl', refresh_continuous_aggregate: 'ddl' },
  ...{ drop_chunks: 'destructive', add_retention_policy: 'destructive', run_job: 'destructive', alter_job: 'destructive' },
  ...{ delete_job: 'destructive', pg_terminate_backend: 'destructive', query_to_xml: 'destructive', set_config: 'destructive' },
}

const objects = [
  ...[
    'OBJECT_TABLE',
    'OBJECT_INDEX',
    'OBJECT_VIEW',
    'OBJECT_MATVIEW',
    'OBJECT_SCHEMA',
    'OBJECT_SEQUENCE',
    'OBJECT_TYPE',
    'OBJECT_DOMAIN',
  ],
  'OBJECT_STATISTIC_EXT',
]
const parts = ['OBJECT_COLUMN', 'OBJECT_ATTRIBUTE', 'OBJECT_TABCONSTRAINT', 'OBJECT_DOMCONSTRAINT']
const keepingCommands = new Set([
  ...[
    'AT_AddColumn',
    'AT_AddConstraint',
    'AT_ColumnDefault',
    'AT_SetNotNull',
    'AT_DropNotNull',
    'AT_SetStatistics',
    'AT_SetOptions',
  ],
  ...[
    'AT_ResetOptions',
    'AT_SetStorage',
    'AT_SetCompression',
    'AT_AddIdentity',
    'AT_SetIdentity',
    'AT_DropIdentity',
    'AT_DropExpression',
  ],
  ...['AT_SetRelOptions', 'AT_ResetRelOptions', 'AT_ValidateConstraint', 'AT_DropConstraint', 'AT_ClusterOn', 'AT_DropCluster'],
  ...['AT_AttachPartition', 'AT_AddIndexConstraint'],
])
const destroyingCommands = new Set([
  ...[
    'AT_DropColumn',
    'AT_AlterColumnType',
    'AT_DetachPartition',
    'AT_DetachPartitionFinalize',
    'AT_SetUnLogged',
    'AT_SetExpression',
  ],
])

/** @param statements the list `stmts` of a parse result */
export function rankOf(statements: readonly Node[]): Rank {
  if (statements.length !== 1) return 'refused'
  const [[kind, statement]] = Object.entries(statements[0].stmt) as [[string, Node]]
  const names = new Set<string>()
  const into = collect(statement, names)
  const calls = [...names].map((name): Rank => volatileFunctions[name] ?? 'dml')
  const all: Rank[] = [rankOfKind(kind, statement), into ? 'ddl' : 'dml', ...calls]
  return all.reduce((a, b) => (ranks.indexOf(a) > ranks.indexOf(b) ? a : b))
}

function rankOfKind(kind: string, node: Node): Rank {
  switch (kind) {
    case 'SelectStmt':
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return 'dml'
    case 'CreateStmt':
    case 'IndexStmt':
    case 'ViewStmt':
    case 'CreateTableAsStmt':
    case 'CreateSeqStmt':
    case 'CompositeTypeStmt':
    case 'CreateEnumStmt':
    case 'CreateDomainStmt':
    case 'CreateStatsStmt':
    case 'RefreshMatViewStmt':
    case 'CallStmt':
    case 'AlterEnumStmt':
    case 'AlterStatsStmt':
    case 'AlterSeqStmt':
      return 'ddl'
    case 'CreateSchemaStmt':
      return node.authrole === undefined && node.schemaElts === undefined ? 'ddl' : 'refused'
    case 'VacuumStmt':
      return node.is_vacuumcmd === true ? 'refused' : 'ddl'
    case 'CommentStmt':
      return [...objects, ...parts].includes(node.objtype) ? 'ddl' : 'refused'
    case 'RenameStmt':
      return [...objects, ...parts].includes(node.renameType) && node.relationType !== 'OBJECT_FOREIGN_TABLE' ? 'ddl' : 'refused'
    case 'AlterObjectSchemaStmt':
      return objects.includes(node.objectType) ? 'ddl' : 'refused'
    case 'AlterDomainStmt':
      return 'ddl'
    case 'AlterTypeStmt':
      return 'ddl'
    case 'DropStmt':
      return objects.includes(node.removeType) ? 'destructive' : 'refused'
    case 'TruncateStmt':
      return 'destructive'
    case 'AlterTableStmt': {
      if (!objects.includes(node.objtype)) return 'refused'
      const commands = (node.cmds as Node[]).map(({ AlterTableCmd }) => AlterTableCmd.subtype as string)
      if (node.objtype === 'OBJECT_SEQUENCE' && /^AT_Set(?:Un)?Logged$/.test(commands.join())) return 'ddl'
      if (commands.some((command) => !keepingCommands.has(command) && !destroyingCommands.has(command))) return 'refused'
      return commands.some((command) => destroyingCommands.has(command)) ? 'destructive' : 'ddl'
    }
    default:
      return 'refused'
  }
}

/** Adds what may be called to `names`: functions, and the last part of `a.b`. @returns whether a SELECT has INTO */
function collect(node: Node, names: Set<string>): boolean {
  if (typeof node !== 'object' || node === null) return false
  if (Array.isArray(node)) return node.map((item) => collect(item, names)).includes(true)
  const last = (list: Node[]): string | undefined => list.at(-1)?.String?.sval
  const call = node.FuncCall ?? node.funccall
  const called = call === undefined ? undefined : last(call.funcname)
  const column = node.ColumnRef !== undefined && node.ColumnRef.fields.length > 1 ? last(node.ColumnRef.fields) : undefined
  const indirection = node.A_Indirection === undefined ? undefined : last(node.A_Indirection.indirection)
  for (const name of [called, column, indirection]) if (name !== undefined) names.add(name)
  return (
    Object.values(node)
      .map((value) => collect(value, names))
      .includes(true) || node.intoClause !== undefined
  )
}

/** Whether anything in the tree has the name of a volatile function. */
export function namesVolatile(node: Node): boolean {
  if (typeof node === 'string') return Object.hasOwn(volatileFunctions, node)
  return typeof node === 'object' && node !== null && Object.values(node).some(namesVolatile)
}
