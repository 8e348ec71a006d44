"""What people take away: answers, submissions and pictures."""
