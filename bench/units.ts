export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** Most that one firmware call brings through the device, in bytes. */
export const CALL_BYTES = 4096;
