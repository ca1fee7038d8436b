import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-1000-connections',
  title: 'HTTP/1.1, 1,000 connections',
  summary: 'GET with Host alone over 1,000 busy connections of clients, 100 bytes come back.',
  content: SMALL,
  connections: 1000,
})
