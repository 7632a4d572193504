"""Calibration: outages of known length, measured as any other, and by how much the measurement errs."""
