"""`python -m tests.bench`. A process that is made for a task reads this module again, and nothing more of it than it must."""

if __name__ == "__main__":
    from tests.bench.command import main

    main()
