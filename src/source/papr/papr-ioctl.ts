/**
 * ioctl numbers of `/dev/papr-platform-dump`.
 *
 * PowerPC encodes them in its own way: 3 bits of direction from bit 29 on (none 1, read 2, write 4) and 13 bits of
 * size. The generic encoding gives other numbers, which the driver answers with ENOTTY.
 *
 * @see Linux arch/powerpc/include/uapi/asm/{ioctl,papr-miscdev,papr-platform-dump}.h
 */
const DIRECTION_SHIFT = 29;
const SIZE_SHIFT = 16;
const TYPE_SHIFT = 8;
const WRITE = 4;
const PAPR_TYPE = 0xb2;
const TAG_BYTES = 8;

/** Makes a handle for a tag. Issued on the device. */
export const CREATE_HANDLE = writeCommand(6);
/** Makes firmware forget the dump. Issued on the handle. */
export const INVALIDATE = writeCommand(7);

/** `_IOW(PAPR_TYPE, number, u64)`, unsigned. */
function writeCommand(number: number): number {
  // Not by `<<`, whose result would be negative.
  return WRITE * 2 ** DIRECTION_SHIFT + TAG_BYTES * 2 ** SIZE_SHIFT + PAPR_TYPE * 2 ** TYPE_SHIFT + number;
}
