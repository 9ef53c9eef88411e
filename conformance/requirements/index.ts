export function coverageText(): string {
  return ''
}
