/** Changes with the answers of this driver, not with the daemon, which it does not contain. */
export const version = '0.1.0';
