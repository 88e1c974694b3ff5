declare module 'mqtt-packet/generate.js' {
  export { generate as default } from 'mqtt-packet'
}
declare module 'mqtt-packet/writeToStream.js' {
  export { writeToStream as default } from 'mqtt-packet'
}
