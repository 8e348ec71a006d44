"""The parts that a long run needs: its folder, checkpoints, metrics, display and traces."""
