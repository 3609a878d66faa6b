"""Looking at the samples of a run beside each other: blink, a divider, a grid."""
