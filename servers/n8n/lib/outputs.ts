// The names of a node's outputs, as n8n's editor shows them.
import { type JsonObject, list, object, objects, text } from './json.ts'

/** How an output is shown in a connection; empty for the only one of a node. */
export function outputName(node: JsonObject, kind: string, output: number): string {
  if (kind !== 'main') return output === 0 ? kind : `${kind} ${output}`
  const names = namesOf(node)
  if (output < names.length) return names[output] || (names.length === 1 ? '' : `output ${output}`)
  // The error output follows all others.
  return output === names.length && node.onError === 'continueErrorOutput' ? 'error' : `output ${output}`
}

function namesOf(node: JsonObject): string[] {
  const parameters = object(node.parameters)
  const options = object(parameters.options)
  // After the node definitions of n8n 2.41.
  switch (text(node.type).replace(/^.*\./, '')) {
    case 'if':
      return ['true', 'false']
    case 'filter':
      return ['kept']
    case 'splitInBatches':
      return Number(node.typeVersion) >= 3 ? ['done', 'loop'] : ['loop', 'done']
    case 'switch':
      return Number(node.typeVersion) >= 2 ? switchNames(parameters) : oldSwitchNames(parameters)
    case 'webhook':
      return Array.isArray(parameters.httpMethod) ? parameters.httpMethod.map(text) : ['']
    case 'respondToWebhook':
      return parameters.enableResponseOutput === true || node.typeVersion === 1.3 ? ['input data', 'response'] : ['']
    case 'compareDatasets':
      return ['in A only', 'same', 'different', 'in B only']
    case 'textClassifier': {
      const categories = objects(object(parameters.categories).categories).map(({ category }) => text(category))
      return options.fallback === 'other' ? [...categories, 'other'] : categories
    }
    case 'sentimentAnalysis':
      return (text(options.categories) || 'Positive, Neutral, Negative').split(',').map((name) => name.trim())
    case 'guardrails':
      return ['pass', 'fail']
    default:
      return ['']
  }
}

/** Rules have a name where the user gave one. */
function switchNames(parameters: JsonObject): string[] {
  const { rules, mode, numberOutputs, outputsAmount, options, fallbackOutput } = parameters
  if (mode === 'expression')
    return list(Array(Math.min(100, Number(numberOutputs ?? outputsAmount ?? 4) || 0)).fill('')).map(text)
  const { values, rules: older } = object(rules)
  const names = objects(values ?? older).map((rule) => text(rule.outputKey))
  const { fallbackOutput: extra = fallbackOutput, renameFallbackOutput } = object(options)
  return extra === 'extra' ? [...names, text(renameFallbackOutput) || 'fallback'] : names
}

/** Version 1 has four outputs, and each rule names the one it leads to. */
function oldSwitchNames(parameters: JsonObject): string[] {
  const names = ['', '', '', '']
  for (const rule of objects(object(parameters.rules).rules)) names[Number(rule.output ?? 0)] ||= text(rule.value2)
  return names.slice(0, 4)
}
