"""What a recurrent cell is: its equations, its name, and the shapes of its weights and states."""
