// Small pictures, drawn as lines of 24 by 24. They say nothing that words beside them do not.
import { s } from './dom.ts'

const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z',
  readings: 'M3 12h4l3-8 4 16 3-8h4',
  messages: 'M4 5h16v11H9l-5 4z',
  uplink: 'M12 19v-8M8 14l4-4 4 4M5 9a10 10 0 0 1 14 0M8 5a14 14 0 0 1 8 0',
  clients: 'M4 7h10v8H4zM9 19h0M6 18h6M17 10h3v8h-3z',
  configuration: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  updates: 'M12 4v10M8 10l4 4 4-4M5 19h14',
  logs: 'M5 6h14M5 10h9M5 14h14M5 18h7',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  good: 'M5 12.5l4.5 4.5L19 7.5',
  warning: 'M12 6v7M12 17v.5',
  bad: 'M7 7l10 10M17 7L7 17',
  off: 'M7 12h10',
  unknown: 'M9.5 9a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5v.5',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4',
  dark: 'M20 14a8 8 0 1 1-10-10 6.5 6.5 0 0 0 10 10z',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  leave: 'M14 4h5v16h-5M4 12h10M10 8l4 4-4 4',
} as const

export type IconName = keyof typeof PATHS

export function icon(name: IconName): SVGSVGElement {
  return s('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, s('path', { d: PATHS[name] }))
}

export function redraw(svg: SVGSVGElement, name: IconName): void {
  const path = svg.firstElementChild!
  if (path.getAttribute('d') !== PATHS[name]) path.setAttribute('d', PATHS[name])
}
