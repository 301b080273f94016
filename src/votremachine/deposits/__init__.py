"""The life of a security deposit: arranged with the booking, live while the machine is out, released by itself."""
