// Questions before something that cannot be had back.
import { h } from './dom.ts'

export interface Question {
  readonly title: string
  readonly text: string
  /** On the button that does it. */
  readonly verb: string
}

/** Whether it was meant. Escape, and a click beside it, are a no. */
export function confirm({ title, text, verb }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const close = (): void => dialog.close()
    const done = h('button', { type: 'button', class: 'danger', onclick: () => dialog.close('yes') }, verb)
    const dialog = h('dialog', { 'aria-labelledby': 'question', onclick: (event: MouseEvent) => void (event.target === dialog && close()) },
      h('div', { class: 'dialog' }, h('h2', { id: 'question' }, title), h('p', {}, text), h('div', { class: 'buttons end' }, h('button', { type: 'button', onclick: close }, 'Cancel'), done)))
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes')
      dialog.remove()
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
