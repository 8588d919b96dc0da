"""What a federation gets to see of its clients: mechanisms, accounting, secure sums, audits. It knows no Flower."""
