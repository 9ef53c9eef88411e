// The only file that loads Ajv, when the first schema is compiled. A production bundle replaces it with validators compiled at build time
// (scripts/bundle.ts), because compiling at run time costs 11 MiB and 75 ms in every process.
import { createRequire } from 'node:module'
import type { Ajv2020, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonSchema } from './schema.ts'

/** The parts of Ajv's error object that are read; standalone validators produce the same. */
export type ValidationIssue = Pick<ErrorObject, 'instancePath' | 'keyword' | 'params' | 'message'>

export interface Validator {
  (value: unknown): boolean
  errors?: ValidationIssue[] | null
}

const ajvOptions = {
  allErrors: true, // a model corrects all its mistakes at once; arguments.ts bounds the size of what is validated
  strict: true, // finds a misspelt keyword in a tool's schema when the server starts
  strictRequired: false,
  strictTypes: false,
  allowUnionTypes: true,
  validateFormats: false, // 2020-12: `format` is an annotation unless a vocabulary changes that
  addUsedSchema: false, // two tools may use schemas with the same $id
} as const

/** A compiler for tool schemas. `$anchor` belongs to 2020-12's core vocabulary; Ajv resolves it and yet does not count it as known. */
export function createAjv(options: object = {}): Ajv2020 {
  const { Ajv2020 } = createRequire(import.meta.url)('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  return new Ajv2020({ ...ajvOptions, ...options }).addKeyword('$anchor')
}

let ajv: Ajv2020 | undefined

/** @throws Error when the schema itself is invalid or uses an unknown keyword */
export function compileValidator(schema: JsonSchema): Validator {
  ajv ??= createAjv()
  return ajv.compile(schema) as ValidateFunction
}
