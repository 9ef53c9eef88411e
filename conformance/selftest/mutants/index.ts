// The table of mutants. Every MUST case is killed by one of them, which kill.test.ts checks; most others are, too.
import type { Mutant } from '../mutant.ts'
import { mutants as http } from './http.ts'
import { mutants as lifecycle } from './lifecycle.ts'
import { mutants as messages } from './messages.ts'
import { mutants as modern } from './modern.ts'
import { mutants as modernMessages } from './modern-messages.ts'
import { mutants as sessions } from './sessions.ts'
import { mutants as sse } from './sse.ts'
import { mutants as tools } from './tools.ts'

export const MUTANTS: readonly Mutant[] = [
  ...messages,
  ...lifecycle,
  ...tools,
  ...sse,
  ...http,
  ...modern,
  ...modernMessages,
  ...sessions,
]
