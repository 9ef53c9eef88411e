// Serves `hello` until SIGTERM or Ctrl-C, configured by the environment.
import { serve } from 'octet-mcp/server'
import { hello } from './hello.js'

await serve([hello], { env: process.env })
