// X.509 certificates for TLS tests, written out in DER: Node makes keys but no certificates, and openssl need not be installed.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

export interface Issued {
  readonly certificate: string
  readonly key: string
}

/** A private authority, and a certificate of it for one DNS name or IPv4 address. */
export function issue(name: string): { ca: string; server: Issued } {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const caName = distinguishedName('Test authority')
  const isCa = extension('551d13', true, sequence(tlv(0x01, Buffer.of(0xff))))
  const san = extension(
    '551d11',
    false,
    sequence(isIPv4(name) ? tlv(0x87, Buffer.from(name.split('.').map(Number))) : tlv(0x82, Buffer.from(name))),
  )
  const ca = certificate(1, caName, caName, authority.publicKey, authority.privateKey, isCa)
  const server = certificate(2, caName, distinguishedName(name), own.publicKey, authority.privateKey, san)
  return { ca, server: { certificate: server, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string } }
}

function certificate(
  serial: number,
  issuer: Buffer,
  subject: Buffer,
  publicKey: KeyObject,
  signer: KeyObject,
  ext: Buffer,
): string {
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const day = 86_400_000
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, Buffer.of(serial)),
    ecdsaWithSha256,
    issuer,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + 2 * day)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(ext)),
  )
  const signature = tlv(0x03, Buffer.concat([Buffer.of(0), sign('sha256', body, signer)]))
  const der = sequence(body, ecdsaWithSha256, signature)
  return `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
}

function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value
  const size =
    length < 128 ? Buffer.of(length) : length < 256 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 255)
  return Buffer.concat([Buffer.of(tag), size, value])
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'))
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))))
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), tlv(0x04, value))
}

function utcTime(ms: number): Buffer {
  return tlv(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))
}
