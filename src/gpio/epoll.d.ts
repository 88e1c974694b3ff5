declare module 'epoll' {
  export class Epoll {
    static readonly EPOLLIN: number
    static readonly EPOLLONESHOT: number
    constructor(callback: (error: Error | null, fd: number, events: number) => void)
    add(fd: number, events: number): this
    modify(fd: number, events: number): this
    remove(fd: number): this
  }
  const epoll: { readonly Epoll: typeof Epoll }
  export default epoll
}
