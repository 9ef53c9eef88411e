// A server with one environment variable and one tool.
import { defineServer, defineTool, report, ToolError } from 'octet-mcp/server'

const greetings = new Map([
  ['en', 'Hello'],
  ['fr', 'Bonjour'],
])

export const hello = defineServer({
  name: 'hello',
  title: 'Hello',
  instructions: 'Greets people by their name.',
  config: {
    type: 'object',
    properties: {
      HELLO_LANGUAGE: { type: 'string', enum: ['en', 'fr'], default: 'en', description: 'Language of the greeting.' },
    },
  },
  missing: () => undefined,
  open: (config) => ({
    upstream: 'greetings',
    greeting: greetings.get(config.HELLO_LANGUAGE),
    probe: async () => ({ greetings: greetings.size }),
    close: async () => {},
  }),
  tools: (backend) => [
    defineTool({
      name: 'greet',
      description: 'Returns a greeting for one person.',
      inputSchema: {
        type: 'object',
        properties: { name: { type: 'string', maxLength: 100 } },
        required: ['name'],
        additionalProperties: false,
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
      handler({ name }, context) {
        if (name.trim() === '') throw new ToolError('INVALID_ARGUMENT', '"name" is empty', { hint: '{"name":"Ada"}' })
        return report(context, { summary: `${backend.greeting}, ${name}!` })
      },
    }),
  ],
})
