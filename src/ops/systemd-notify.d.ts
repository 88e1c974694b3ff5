declare module 'systemd-notify' {
  export default function notify(options: { ready?: boolean; status?: string; pid?: number; booted?: boolean }): Promise<unknown>
}
