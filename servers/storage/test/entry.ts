// For tests: this server as a process of its own, served by the runtime.
import { serve } from '../../host/serve.ts'
import { storage } from '../index.ts'

void serve([storage], { env: process.env })
