// The table of mutants. Every MUST case is killed by one of them, which kill.test.ts checks; most others are, too.
import type { Mutant } from './mutant.ts'
import { mutants as http } from './mutants/http.ts'
import { mutants as lifecycle } from './mutants/lifecycle.ts'
import { mutants as messages } from './mutants/messages.ts'
import { mutants as modern } from './mutants/modern.ts'
import { mutants as modernMessages } from './mutants/modern-messages.ts'
import { mutants as sse } from './mutants/sse.ts'
import { mutants as tools } from './mutants/tools.ts'

export const MUTANTS: readonly Mutant[] = [...messages, ...lifecycle, ...tools, ...sse, ...http, ...modern, ...modernMessages]
