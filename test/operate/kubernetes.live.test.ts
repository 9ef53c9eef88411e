// docker/kubernetes.yaml: kubeconform with the schemas of the oldest and the newest supported Kubernetes, and what the schemas cannot say.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { serverNames } from '../../servers/cli/catalog.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { test } from '../runner/harness.ts'
import { program, shippedPath, shippedText } from './shipped.ts'

const kubeconform = program('kubeconform', 'OCTET_TEST_KUBECONFORM')
const schemas = program('kubernetes-validate', 'OCTET_TEST_KUBERNETES_SCHEMAS')
const kubernetesTest = test.unless(kubeconform.skip ?? schemas.skip)
const manifest = shippedText('docker/kubernetes.yaml')

async function conform(text: string, version: string): Promise<{ code: number | null; output: string }> {
  const location = `${join(schemas.path, version)}/{{.ResourceKind}}{{.KindSuffix}}.json`
  const child = new JsonLineProcess(kubeconform.path, ['-strict', '-summary', '-schema-location', location, '-'], {})
  child.process.stdin.end(text)
  return { code: await child.exited, output: child.output }
}

for (const version of ['1.30.0', '1.37.0']) {
  kubernetesTest(`Kubernetes ${version} knows every field`, async () => {
    const { code, output } = await conform(manifest, version)
    assert.match(output, /Valid: 21, Invalid: 0, Errors: 0, Skipped: 0/)
    assert.equal(code, 0)
  })

  kubernetesTest(`and kubeconform refuses a wrong one with the schemas of ${version}`, async () => {
    for (const [right, wrong] of [
      ['readOnlyRootFilesystem: true', 'readOnlyRootFileSystem: true'],
      ['maxReplicas: 6', 'maxReplicas: "six"'],
      ['selector: {matchLabels: {app: mcp-n8n}}', ''],
    ] as const) {
      assert.ok(manifest.includes(right), right)
      const { code, output } = await conform(manifest.replace(right, wrong), version)
      assert.equal(code, 1, wrong)
      assert.match(output, /is invalid/)
    }
  })
}

/** What a test reads of a resource, it knows to be there. */
const items = (): any[] => {
  const script = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))'
  const args = ['-c', script, shippedPath('docker/kubernetes.yaml')]
  return JSON.parse(execFileSync(join(schemas.path, 'bin/python'), args, { encoding: 'utf8' })).items
}
const ofKind = (kind: string): any[] => items().filter((item) => item.kind === kind)

kubernetesTest('each server is confined, probed, and gets its secrets by reference', () => {
  const deployments = ofKind('Deployment')
  assert.deepEqual(deployments.map(({ metadata }) => metadata.name).sort(), serverNames.map((name) => `mcp-${name}`).sort())
  for (const { metadata, spec } of deployments) {
    const name = metadata.name.replace('mcp-', '')
    const pod = spec.template.spec
    const [container] = pod.containers
    assert.equal(pod.enableServiceLinks, false, name)
    assert.equal(pod.automountServiceAccountToken, false, name)
    assert.equal(pod.securityContext.runAsNonRoot, true, name)
    const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = container.securityContext
    assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities.drop], [true, false, ['ALL']], name)
    assert.equal(container.livenessProbe.httpGet.path, '/health', name)
    assert.equal(container.readinessProbe.httpGet.path, '/ready', name)
    assert.deepEqual(container.args, [name])
    assert.deepEqual(container.envFrom, [{ secretRef: { name: `octet-${name}`, optional: true } }])
    for (const { name: variable } of container.env) assert.ok(!/PASSWORD|KEY|TOKEN$/.test(variable), variable)
    assert.deepEqual(spec.selector.matchLabels, { app: metadata.name })
    assert.equal(spec.template.metadata.labels.app, metadata.name)
    assert.ok(container.resources.limits.memory.endsWith('Mi'), name)
    const mounted = new Set(pod.volumes.map((volume: any) => volume.name))
    for (const mount of container.volumeMounts) assert.ok(mounted.has(mount.name), `${name} mounts ${mount.name}`)
  }
  assert.deepEqual(
    ofKind('Service').map(({ metadata, spec }) => [metadata.name, spec.selector.app]),
    ofKind('Service').map(({ metadata }) => [metadata.name, metadata.name]),
  )
  assert.equal(ofKind('Service').length, serverNames.length)
})

kubernetesTest('no server may reach another: the policies admit clients only, and the web without private addresses', () => {
  const labels = ofKind('Deployment').map(({ spec }) => spec.template.metadata.labels)
  for (const each of labels) assert.deepEqual([each.octet, each['octet-client']], ['server', undefined])
  const policies = Object.fromEntries(ofKind('NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec]))
  const all = policies['octet-servers']
  assert.deepEqual(all.podSelector.matchLabels, { octet: 'server' })
  assert.deepEqual(all.policyTypes, ['Ingress', 'Egress'])
  assert.deepEqual(all.ingress[0].from, [{ namespaceSelector: {}, podSelector: { matchLabels: { 'octet-client': 'true' } } }])
  assert.deepEqual(
    all.egress[0].ports.map(({ port }: any) => port),
    [53, 53],
  )
  const web = labels.filter((each) => each['octet-reaches'] === 'web').map(({ app }) => app)
  assert.deepEqual(web.sort(), ['mcp-fetch', 'mcp-playwright'])
  const [ipv4, ipv6] = policies['octet-web'].egress[0].to.map(({ ipBlock }: any) => ipBlock.except)
  for (const range of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16']) assert.ok(ipv4.includes(range), range)
  assert.ok(ipv6.includes('fc00::/7'))
  assert.deepEqual(policies['octet-postgres'].podSelector.matchLabels, { app: 'mcp-postgres' })
})

kubernetesTest('fetch and postgres grow from two replicas on, with the queue that holds 500 callers on two', () => {
  const scaled = ofKind('HorizontalPodAutoscaler').map(({ spec }) => [spec.scaleTargetRef.name, spec.minReplicas])
  assert.deepEqual(scaled, [
    ['mcp-postgres', 2],
    ['mcp-fetch', 2],
  ])
  for (const { metadata, spec } of ofKind('Deployment')) {
    if (spec.replicas !== 2) continue
    const { env } = spec.template.spec.containers[0]
    const queue = Number(env.find(({ name }: any) => name === 'MCP_MAX_QUEUE').value)
    assert.ok(2 * (queue + 16) >= 500, `${metadata.name} holds ${2 * (queue + 16)}`)
  }
})
