// Light or dark: what the system says, or what was chosen here. The style sheet does the rest (`data-theme`).
const KEY = 'sandpiper.theme'

export const THEMES = ['system', 'light', 'dark'] as const

export type Theme = (typeof THEMES)[number]

const listeners = new Set<() => void>()

export function theme(): Theme {
  const kept = localStorage.getItem(KEY) as Theme | null
  return kept !== null && THEMES.includes(kept) ? kept : 'system'
}

export function chooseTheme(chosen: Theme): void {
  if (chosen === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, chosen)
  applyTheme()
}

export function applyTheme(): void {
  const chosen = theme()
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
  for (const tell of listeners) tell()
}

/** Colours are others now. Answers what ends that. */
export function onTheme(tell: () => void): () => void {
  listeners.add(tell)
  return () => void listeners.delete(tell)
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme)
