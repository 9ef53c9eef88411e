// A network namespace for the process under test, with one link to its clients and one to its backends. Each link can be cut without a packet
// that says so, as when a cable is pulled or a firewall drops everything. Needs root.
import { adminCommand } from './admin-command.ts'

export type Link = 'clients' | 'backends'

export interface Network {
  /** The address that the process listens on. */
  readonly ownHost: string
  /** The address at which the process finds its backends. */
  readonly backendHost: string
  /** Words before a command that run it inside. */
  readonly enter: readonly string[]
  /** Whether links can be cut. */
  readonly canCut: boolean
  cut(link: Link): void
  join(link: Link): void
  remove(): void
}

const plain: Network = {
  ownHost: '127.0.0.1',
  backendHost: '127.0.0.1',
  enter: [],
  canCut: false,
  cut: () => {},
  join: () => {},
  remove: () => {},
}

const ip = (...args: readonly string[]): void => void adminCommand('ip', ...args)

/** The namespace, or loopback when this process is not root. */
export function openNetwork(): Network {
  if (process.getuid?.() !== 0) return plain
  const name = `octet-faults-${process.pid}`
  const subnet = `10.${200 + ((process.pid >> 8) % 50)}.${process.pid % 256}`
  const links: Record<Link, { device: string; here: string; there: string }> = {
    clients: { device: `ofc${process.pid}`, here: `${subnet}.1`, there: `${subnet}.2` },
    backends: { device: `ofb${process.pid}`, here: `${subnet}.5`, there: `${subnet}.6` },
  }
  const remove = (): void => {
    try {
      ip('netns', 'delete', name) // and with it the links
    } catch {
      // not made yet, or removed before
    }
  }
  try {
    ip('netns', 'add', name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    for (const [link, { device, here, there }] of Object.entries(links)) {
      ip('link', 'add', device, 'type', 'veth', 'peer', 'name', link, 'netns', name)
      ip('addr', 'add', `${here}/30`, 'dev', device)
      ip('link', 'set', device, 'up')
      ip('-n', name, 'addr', 'add', `${there}/30`, 'dev', link)
      ip('-n', name, 'link', 'set', link, 'up')
    }
  } catch (error) {
    remove()
    throw error
  }
  return {
    ownHost: links.clients.there,
    backendHost: links.backends.here,
    enter: ['nsenter', `--net=/var/run/netns/${name}`],
    canCut: true,
    cut: (link) => ip('link', 'set', links[link].device, 'down'),
    join: (link) => ip('link', 'set', links[link].device, 'up'),
    remove,
  }
}
