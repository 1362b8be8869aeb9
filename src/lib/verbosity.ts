/** How much the program logs (klog's -v): read by the logger at each line, set by --v and by PUT /debug/flags/v. */
export const verbosity = { level: 0 };
