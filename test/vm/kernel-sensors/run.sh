# Chips behind the kernel's simulated I2C bus, whose registers are memory that we fill, with the kernel's real drivers on top.
modprobe i2c-dev
modprobe i2c-stub chip_addr=0x0b,0x48,0x49,0x5a,0x6f,0x76
for bus in /sys/bus/i2c/devices/i2c-*; do
  ! grep -q 'SMBus stub' "$bus/name" || export BUS="${bus##*-}"
done
# set CHIP REGISTER VALUE…, a byte each; word CHIP REGISTER VALUE
set_bytes() {
  chip=$1 register=$2
  shift 2
  for value in "$@"; do
    i2cset -y "$BUS" "$chip" "$register" "$value" b
    register=$(printf '0x%x' $((register + 1))) # without 0x it would be taken for hexadecimal
  done
}
word() { i2cset -y "$BUS" "$1" "$2" "$3" w; }

# LM75: 25.5 and −10 °C, high byte first.
word 0x48 0 0x8019
word 0x49 0 0x00f6
# LTC4151: 2 A over a shunt of 1 mΩ (20 µV a step), 12 V (25 mV a step), both left-aligned in two bytes.
set_bytes 0x6f 0 0x06 0x40 0x1e 0x00
# MLX90614: 0.02 K a step; 14657 is 19.99 °C, 15500 is 36.85 °C.
word 0x5a 0x06 14657
word 0x5a 0x07 15500
# BME280: its identity, and the example of the BMP280's data sheet (section 3.12): 25.08 °C and 1006.53 hPa. Humidity about the middle.
set_bytes 0x76 0xd0 0x60
set_bytes 0x76 0x88 0x70 0x6b 0x43 0x67 0x18 0xfc 0x7d 0x8e 0x43 0xd6 0xd0 0x0b 0x27 0x0b 0x8c 0x00 0xf9 0xff 0x8c 0x3c 0xf8 0xc6 0x70 0x17
set_bytes 0x76 0xa1 0x4b
set_bytes 0x76 0xe1 0x6a 0x01 0x00 0x13 0x29 0x03 0x1e
set_bytes 0x76 0xf7 0x65 0x5a 0xc0 0x7e 0xed 0x00 0x6e 0x00
# A smart battery: 11.1 V, −1.5 A, 73 %, 298.1 K.
word 0x0b 0x08 2981
word 0x0b 0x09 11100
word 0x0b 0x0a 0xfa24
word 0x0b 0x0d 73

for module in lm75 ltc4151 mlx90614 bmp280-i2c sbs-battery; do modprobe "$module"; done
new() { echo "$1" "$2" > "/sys/bus/i2c/devices/i2c-$BUS/new_device"; }
new lm75 0x48
new lm75 0x49
new ltc4151 0x6f
new mlx90614 0x5a
new bme280 0x76
new sbs-battery 0x0b
exec "$NODE" --disable-warning=ExperimentalWarning "$PROJECT/test/vm/kernel-sensors/sensors.ts"
