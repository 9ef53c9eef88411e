// Failures of the file system and refusals of the sandbox as errors for the model. None of them holds a path of the host.
import { ToolError } from '../../protocol/index.ts'
import type { Refused } from './types.ts'

/** An error of a system call; anything else is returned as it is. Node's own messages hold the path on the host. */
export function ioError(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof ToolError || syscall === undefined || code === undefined) return error
  return new ToolError('UPSTREAM_ERROR', `the file system answered ${code}`, { detail: code, cause: error })
}

/** An error of opening something that was found: EACCES and EPERM are refusals of its permissions. */
export function permissionError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'EACCES' && code !== 'EPERM') return error
  return new ToolError('FORBIDDEN', 'its permissions do not let this server read it', { detail: code, cause: error })
}

const refusedCodes: Partial<Record<string, Refused>> = {
  ENOENT: 'missing',
  ENAMETOOLONG: 'missing',
  ENOTDIR: 'not-a-directory',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  ELOOP: 'outside',
}

/** Why a path could not be opened, by the error of the system call. @throws ToolError for a failure of the file system */
export function refusedBy(error: unknown): Refused {
  const reason = refusedCodes[(error as NodeJS.ErrnoException).code ?? '']
  if (reason === undefined) throw ioError(error)
  return reason
}

const refusals: Partial<Record<Refused, string>> = {
  outside: 'is or lies behind a link that leads outside of the roots or to nothing',
  denied: "is on this server's list of files that are not read (secrets). Ask the operator",
  hidden: 'is hidden (a name that starts with a dot), and this server reads no hidden files',
  kernel: 'is on a pseudo file system such as /proc or /sys, which is not read',
  'not-permitted': 'lies in a folder whose permissions do not let this server enter it',
}

/** @param name the path as the caller may see it */
export function refusalError(name: string, reason: Refused): ToolError {
  const why = refusals[reason]
  return why === undefined ? new ToolError('NOT_FOUND', `"${name}" not found`) : new ToolError('FORBIDDEN', `"${name}" ${why}`)
}
