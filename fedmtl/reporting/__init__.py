"""What a person sees of a run: metrics log, live display, tables, plots, TensorBoard, HTML report."""
