"""What others report beside appraisers: official rates, certified events and costs, sales."""
