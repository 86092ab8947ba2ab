"""What is Discord: one extension a feature; what people see is in `ui`."""
