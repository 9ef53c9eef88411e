// This server as a process of its own.
import { serve } from '../../host/serve.ts'
import { storage } from '../index.ts'

void serve([storage], { env: process.env })
