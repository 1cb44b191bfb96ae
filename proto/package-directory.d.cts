/** Folder this package is installed in. */
export declare const packageDirectory: string
