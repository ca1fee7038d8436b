/** The worker module of an engine whose owner brings none: no hooks. */
import { runWorker } from './worker.ts'

void runWorker({ onExchange: null, onFlow: null, onStop: null })
