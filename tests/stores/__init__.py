"""What is remembered: one contract over all stores, and what real disks, locks and deaths do to a file."""
